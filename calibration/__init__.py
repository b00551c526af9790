"""Choose calibration radiographs, measure ranges, emit INT8 graphs, accept or refuse them."""
