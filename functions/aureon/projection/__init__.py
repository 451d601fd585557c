"""The read models: made from the table's stream, and made anew from the log."""
