"""Water: classes, sources, groundwater, lakes, oxygen."""
