"""The machine, as data. Law: records and words only; nothing here runs at run time."""
