"""What each page of a visit shows and does: it reads, hands on to one step of the pathway, and answers."""
