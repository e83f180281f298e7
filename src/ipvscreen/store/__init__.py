"""What must survive: visits, drafts, services, referrals and the outbox, with sealed columns."""
