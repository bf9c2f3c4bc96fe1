"""Groups weighed as one actor each: conduct and coordination apart, against chance, with a calibrated score."""
