"""How the servers of this folder run: on loopback, one worker (the people are in its memory), connections kept alive."""

import os

bind = f"127.0.0.1:{os.environ.get('PORT', '8000')}"
workers = 1
threads = 8
keepalive = 60
# The application is loaded before the port is opened: who can connect is answered, and a wrong option ends the server.
preload_app = True
# Nothing is written beside the server or into the home of whoever runs the tests.
control_socket_disable = True
loglevel = "warning"
