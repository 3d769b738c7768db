"""The writer of the reference: tables in, pages out. Not shipped: only this project documents itself."""
