"""What must survive: visits, drafts, services, referrals and the outbox, with sealed columns."""

from ipvscreen.store import alert_tables as alert_tables
from ipvscreen.store import case_tables as case_tables  # so that whoever reads the metadata sees every table
from ipvscreen.store import plan_tables as plan_tables
