"""INT8: ranges observed on films, Q/DQ placed."""
