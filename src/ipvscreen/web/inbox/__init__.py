"""The pages below `/i/`: services and stewards sign in there, and see what is theirs."""
