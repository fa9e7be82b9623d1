"""The gateway of a station: takes nodes' batches and attached sensors' readings, stores them, passes them on."""
