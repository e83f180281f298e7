"""One change of the tables a module; forward only, for going back would lose what is stored."""
