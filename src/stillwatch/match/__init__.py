"""Match in private: two providers learn what they have in common, and nothing else if both keep to the protocol."""
