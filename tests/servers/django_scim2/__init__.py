"""The models behind django_scim2_wsgi.py: what django-scim2 leaves to the application that uses it."""
