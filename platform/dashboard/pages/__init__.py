"""The pages, one module for each entry of the navigation: read, ask one verb, render."""
