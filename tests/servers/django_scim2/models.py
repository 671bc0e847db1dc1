"""People and groups as django-scim2 wants them: its mixins give them the attributes of SCIM."""

from django.db import models
from django.utils import timezone
from django_scim.models import AbstractSCIMGroupMixin, AbstractSCIMUserMixin


class Group(AbstractSCIMGroupMixin):
    name = models.CharField(max_length=254, unique=True)


class User(AbstractSCIMUserMixin):
    username = models.CharField(max_length=254, unique=True)
    first_name = models.CharField(max_length=254)
    last_name = models.CharField(max_length=254)
    email = models.EmailField(max_length=254)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(default=timezone.now)
    scim_groups = models.ManyToManyField(Group, related_name="user_set")

    # What Django asks of any user model.
    USERNAME_FIELD = "username"
    REQUIRED_FIELDS = ()
    is_anonymous = False
    is_authenticated = True
