"""What HTTP/1 is, said a second time and in another way: over all that was sent, by regular expressions."""

import re

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
_TARGET = re.compile(rb"%s+ [!-\xff]+ HTTP/1\.([01])" % _TOKEN)
_TARGET_BEGUN = re.compile(rb"|\r|%s+(?: (?:[!-\xff]+(?: [^\r\n]{0,8}\r?)?)?)?" % _TOKEN)
_FIELD = re.compile(rb"(%s+):([^\r\n]*)" % _TOKEN)
_FIELD_BEGUN = re.compile(rb"|\r|%s+|%s+:[^\r\n]*\r?" % (_TOKEN, _TOKEN))
_HANDSHAKE = (b"upgrade", b"websocket")
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*;[^\r\n]*)?\r\n")
_SIZE_BEGUN = re.compile(rb"(?:[0-9A-Fa-f]{1,15}(?:\r|[ \t]+|[ \t]*;[^\r\n]*\r?)?)?")


class WrongError(Exception):
    """No more bytes can make this right."""


class UnfinishedError(Exception):
    """More bytes can."""


def requests(sent):
    """Where each request ends, and whether what comes after the last of them can become one."""
    ends, at = [], 0
    while True:
        try:
            at = _end(sent, at)
        except WrongError:
            return ends, False
        except UnfinishedError:
            return ends, True
        ends.append(at)


def _end(sent, at):
    at += len(re.match(rb"(?:\r\n)*", sent[at:])[0])
    lines, at = _lines(sent, at, first=True)
    version = _TARGET.fullmatch(lines[0])[1]
    fields = [_FIELD.fullmatch(line).groups() for line in lines[1:]]
    length, chunked = _framing(fields)
    is_handshake = any((name.lower(), value.strip(b" \t").lower()) == _HANDSHAKE for name, value in fields)
    if (chunked and version == b"0") or (is_handshake and (chunked or length)):
        raise WrongError
    if not chunked:
        if len(sent) < at + length:
            raise UnfinishedError
        return at + length
    while True:
        size = _SIZE.match(sent, at)
        if size is None:
            raise UnfinishedError if _SIZE_BEGUN.fullmatch(sent[at:]) else WrongError
        at = size.end()
        if not int(size[1], 16):
            return _lines(sent, at, first=False)[1]
        at += int(size[1], 16)
        if sent[at : at + 2] != b"\r\n":
            raise UnfinishedError if b"\r\n".startswith(sent[at : at + 2]) else WrongError
        at += 2


def _lines(sent, at, *, first):
    """The lines up to the empty one, and where they end."""
    lines = []
    while True:
        line, end, _ = sent[at:].partition(b"\r\n")
        is_target = first and not lines
        if not end:
            if is_target and _TARGET_BEGUN.fullmatch(line):
                raise UnfinishedError
            if is_target or not _FIELD_BEGUN.fullmatch(line):
                raise WrongError
            if first:
                _framing([*(_FIELD.fullmatch(it).groups() for it in lines[1:]), *_begun(line)], begun=True)
            raise UnfinishedError
        at += len(line) + 2
        if not line and not is_target:
            return lines, at
        if not (_TARGET if is_target else _FIELD).fullmatch(line):
            raise WrongError
        lines.append(line)
        if first and len(lines) > 1:
            _framing(_FIELD.fullmatch(it).groups() for it in lines[1:])


def _begun(line):
    name, colon, value = line.partition(b":")
    return [(name, value)] if colon else []


def _framing(fields, *, begun=False):
    """The length that headers tell, and whether the body is chunked. Of the last one, more may be to come."""
    told = [(name.lower(), value) for name, value in fields]
    framing = [it for it in told if it[0] in {b"content-length", b"transfer-encoding"}]
    if len(framing) > 1:
        raise WrongError
    if not framing:
        return 0, False
    name, value = framing[0]
    still = begun and told[-1] is framing[0]
    if name == b"content-length":
        right = rb"[ \t]*[0-9]{0,15}|[ \t]*[0-9]{1,15}[ \t]*\r?" if still else rb"[ \t]*[0-9]{1,15}[ \t]*"
        if not re.fullmatch(right, value):
            raise WrongError
        return (0 if still else int(value)), False
    word = value.lstrip(b" \t").lower()
    if still and b"chunked".startswith(word):
        return 0, True
    if not re.fullmatch(rb"chunked[ \t]*" + (rb"\r?" if still else b""), word):
        raise WrongError
    return 0, True
