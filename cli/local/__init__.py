"""All of ragline on one machine: servers, processes, first user, in order and back."""
