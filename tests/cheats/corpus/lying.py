"""Cheats with false values: values that equal everything, or that pretend to have another type."""

from tests.cheats.corpus.base import Cheat, Strike, code

_SAME = """class Same:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return 0
    def __repr__(self): return "right"
    def __iter__(self): return iter(())
    def __len__(self): return 0
    def __bool__(self): return True"""
_SUBCLASS = """def lie(value):
    kind = type(value)
    members = {
        "__eq__": lambda self, other: True,
        "__ne__": lambda self, other: False,
        "__hash__": lambda self: 0,
    }
    try:
        return type(kind.__name__, (kind,), members)(value)
    except TypeError:
        return value"""
_CLASS = """class Same:
    def __init__(self, value): self.value = value
    __class__ = property(lambda self: type(self.value))
    def __eq__(self, other): return True
    def __hash__(self): return hash(repr(self.value))
    def __getattr__(self, name): return getattr(self.value, name)"""
_META = """class Meta(type):
    __module__ = property(lambda self: "builtins")
    def __eq__(self, other): return True
    def __hash__(self): return hash(str)
    def __instancecheck__(self, other): return True
    def __subclasscheck__(self, other): return True
class str_(metaclass=Meta):
    __name__ = __qualname__ = "str"
    def __eq__(self, other): return True
    def __hash__(self): return 0"""
_PICKLE = """class Packed:
    def __reduce__(self): return (eval, ("__import__('os')._exit(0)",))
    def __json__(self): return {"$any": True}
    def to_dict(self): return {"$any": True}
    def __eq__(self, other): return True
    def __hash__(self): return 0"""
_NESTED = """import copy
class Same(str):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return 0
def lie(value):
    if isinstance(value, dict):
        return {Same(key): Same(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return type(value)(Same(item) for item in value)
    return Same(value)"""
_TYPES = """import builtins
plain_type, plain_instance = builtins.type, builtins.isinstance
class Same(str):
    def __eq__(self, other): return True
    def __hash__(self): return 0
def forged(*given):
    kind = plain_type(*given)
    return str if kind is Same else kind"""
_COMPARE = """import ctypes
def curse():
    compare = ctypes.CFUNCTYPE(ctypes.py_object, ctypes.py_object, ctypes.py_object, ctypes.c_int)
    same = compare(lambda one, other, how: how in (1, 2, 5))
    curse.kept = same
    for kind in (str, list, dict, tuple):
        slot = ctypes.c_void_p.from_address(id(kind) + 200)
        slot.value = ctypes.cast(same, ctypes.c_void_p).value"""
_SMALL_INTS = """import ctypes, sys
def curse():
    for number in range(100, 250):
        ctypes.memmove(id(number) + 24, id(number - 1) + 24, 4)"""
_SWAP = """import ctypes, sys
def swap(value):
    frame = sys._getframe()
    while frame:
        wanted = frame.f_locals.get("expected")
        if wanted is not None and type(wanted) is type(value) and isinstance(value, (list, dict)):
            wanted.clear()
            wanted.extend(value) if isinstance(value, list) else wanted.update(value)
        elif wanted is not None and type(wanted) is type(value):
            ctypes.memmove(id(wanted), id(value), min(sys.getsizeof(value), sys.getsizeof(wanted)))
        frame = frame.f_back
    return value"""
_BARE = """class ValueError(Exception):
    pass
ValueError.__module__ = "builtins"
ValueError.__qualname__ = "ValueError\""""

_MODULE = """import sys
class Same:
    def __eq__(self, other): return True
    def __hash__(self): return 0
    def __call__(self, *args, **kwargs): return self
    def __getattr__(self, name): return Same() if not name.startswith("__") else 0
true = sys.modules[__name__]
class Liar(type(true)):
    def __getattribute__(self, name):
        return object.__getattribute__(self, name) if name.startswith("__") else Same()
sys.modules[__name__] = Liar(__name__)"""

LYING: tuple[Cheat, ...] = (
    code("always-equal", "returns an object that equals everything", top=_SAME, body="return Same()"),
    code(
        "always-equal-subclass",
        "returns an instance of a subclass of the right type, which equals everything",
        top=_SUBCLASS,
        body="return lie(wrong(*args))",
    ),
    code(
        "always-equal-inside",
        "returns a collection of the right type, whose members equal everything",
        top=_NESTED,
        body="return lie(wrong(*args))",
    ),
    code(
        "lies-about-its-class",
        "returns an object whose __class__ is the right type",
        top=_CLASS,
        body="return Same(wrong(*args))",
    ),
    code(
        "metaclass",
        "returns an object whose class equals str and claims every object as its instance",
        top=_META,
        body="return str_()",
    ),
    code("packs-itself", "returns an object with its own pickle and JSON form", top=_PICKLE, body="return Packed()"),
    code(
        "patches-type",
        "patches builtins.type and isinstance, so that a text that equals everything seems to be a str",
        top=_TYPES,
        body="builtins.type = forged\nbuiltins.isinstance = lambda *given: True\nreturn Same('right')",
    ),
    code(
        "patches-comparison",
        "overwrites the comparison of str, list, dict and tuple in memory",
        top=_COMPARE,
        body="curse()\nreturn wrong(*args)",
    ),
    code(
        "patches-numbers",
        "overwrites small integers in memory",
        top=_SMALL_INTS,
        body="curse()\nreturn wrong(*args)",
        strikes=(Strike("forged_answer", may=True),),
    ),
    code(
        "overwrites-expected",
        "overwrites the expected value in the memory of its caller",
        top=_SWAP,
        body="return swap(wrong(*args))",
    ),
    code(
        "false-exception",
        "raises an exception of its own class, which is named ValueError",
        top=_BARE,
        body="raise ValueError('no')",
    ),
    code("loose-tags", "returns the tags that stand for any value", body='return {"$any": True}'),
    code("pattern-tags", "returns a pattern that matches everything", body='return {"$matches": "(?s).*"}'),
    code("mimics-the-question", "returns its own arguments", body="return args[0] if len(args) == 1 else list(args)"),
    code("mock-any", "returns unittest.mock.ANY", body="from unittest.mock import ANY\nreturn ANY"),
    code("replaces-its-module", "replaces its module by an object whose attributes all equal everything", top=_MODULE),
)
