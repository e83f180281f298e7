"""SMART App Launch: discovery, authorization, tokens. Returns values, stores nothing."""
