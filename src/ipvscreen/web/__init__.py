"""The pages: launch, visit, presenters, security."""
