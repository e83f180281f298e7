"""Reading HSDS 3.0 (Open Referral), as JSON and as tables."""
