"""From a grid file to the work that fills its cells."""
