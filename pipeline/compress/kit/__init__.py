"""The kit: C and C++ source with which a board runs the chosen file."""
