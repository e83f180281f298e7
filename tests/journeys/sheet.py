"""A clinician on the way to a service: told without being asked, and the sheet."""

from typing import Any

SAFE = {"safe-today": "yes", "neck": "no", "suicide": "no"}


def told(clinician: Any, patient: str, answers: dict[str, str], *, examined: bool = False) -> None:
    """Already told me, the quick items, and so to the sheet; unless `examined`, axe sees these elsewhere."""
    clinician.examined = examined
    clinician.launch(patient)
    clinician.door("told")
    clinician.see("respond")
    clinician.answer(SAFE | answers)
    clinician.primary()
    clinician.examined = True
    clinician.see("refer")


def send(clinician: Any, service: str | None) -> None:
    """She rings them herself: no number is asked for."""
    if service:
        clinician.choose("service", service)
    clinician.choose("way", "she-calls")
    clinician.choose("out", "yes")
    clinician.choose("back", "yes")
    clinician.primary()
    clinician.see("sent")
