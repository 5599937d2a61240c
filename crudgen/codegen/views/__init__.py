"""What the templates print, one module for each: every decision about a file is made here."""
