"""The reference of the API: its OpenAPI document and the page that shows it, made of the code."""
