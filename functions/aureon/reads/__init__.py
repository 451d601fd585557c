"""Lists of events, quantities, the preview of a meter, the export."""
