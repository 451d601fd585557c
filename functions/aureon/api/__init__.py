"""Requests, routes, answers, and the container's runtime."""
