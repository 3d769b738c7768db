"""Product: the rest of the chapter, beside the machine. Law: pure functions over pairs."""
