"""What was entered into a form → answers, mistakes, and what is asked."""
