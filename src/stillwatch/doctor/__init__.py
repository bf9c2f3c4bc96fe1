"""What is wrong with a home, its inputs and its settings, and how to mend it."""

from stillwatch.doctor.examine import Examined, examine
from stillwatch.doctor.patient import Ailment, Patient

__all__ = ["Ailment", "Examined", "Patient", "examine"]
