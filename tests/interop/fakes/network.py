# The WLAN of a PC: associated as soon as it is asked to be.
STA_IF = 0
AP_IF = 1
STAT_CONNECTING = 1


class WLAN:
    def __init__(self, interface):
        self._up = True

    def active(self, *_):
        return True

    def isconnected(self):
        return self._up

    def connect(self, *_):
        self._up = True

    def disconnect(self):
        self._up = False

    def status(self, *_):
        return 3 if self._up else 0

    def config(self, *_, **__):
        return None
