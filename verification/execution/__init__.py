"""Cases: run in a box, judged outside it by values alone."""
