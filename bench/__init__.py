"""The yardstick: accuracy, early detection, evasion cost and speed, one command each."""
