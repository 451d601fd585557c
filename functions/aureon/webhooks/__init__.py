"""Webhooks: endpoints, what they are sent, and how it arrives."""
