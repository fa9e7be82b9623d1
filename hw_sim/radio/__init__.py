"""The radio between nodes and gateway in software: modems, places, weather, traffic."""
