"""Bringing referrals to services: the dispatcher and its channels."""
