"""Kafka's own rule for the partition of a key, written down from its definition."""


def murmur2(key: bytes) -> int:
    """Return Austin Appleby's MurmurHash2 with the seed that Kafka's Java client uses."""
    multiplier, mask = 0x5BD1E995, 0xFFFFFFFF
    result = (0x9747B28C ^ len(key)) & mask
    whole = len(key) // 4 * 4
    for at in range(0, whole, 4):
        word = int.from_bytes(key[at : at + 4], "little") * multiplier & mask
        word = (word ^ word >> 24) * multiplier & mask
        result = result * multiplier & mask ^ word
    rest = key[whole:]
    if rest:
        result = (result ^ int.from_bytes(rest, "little")) * multiplier & mask
    result = (result ^ result >> 13) * multiplier & mask
    return result ^ result >> 15


def partition(key: bytes, partitions: int) -> int:
    """Return where Java's default partitioner puts *key*."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions
