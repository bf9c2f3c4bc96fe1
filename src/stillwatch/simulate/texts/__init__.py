"""What people, programs and harvesters write: writers for each kind of traffic."""
