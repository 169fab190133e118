"""What came since the champion was trained → a verdict (steady, watch, retrain), which can mark the champion."""
