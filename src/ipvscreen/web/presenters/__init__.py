"""What each page shows, worked out before a template prints it: pure functions to frozen values."""
