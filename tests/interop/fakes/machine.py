# What the client touches of the hardware, doing nothing.
class Pin:
    pass


class Timer:
    def __init__(self, *_, **__):
        pass

    def init(self, *_, **__):
        pass

    def deinit(self):
        pass


class WDT:
    def __init__(self, *_, **__):
        pass

    def feed(self):
        pass


def reset():
    raise SystemExit
