"""Uploads, documents and the jobs that process them."""
