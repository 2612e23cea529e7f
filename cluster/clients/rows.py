"""The rows of a node that does not run: its files, and RocksDB itself through its C interface."""

import ctypes

FAMILIES = ["default", "rows", "partitions", "chunks", "node", "tails"]


def flip(path, offset, bit=3):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ (1 << bit)]))


def places(directory, suffix, needle):
    """Where these bytes are in files of a node's rows, as (path, offset)."""
    found = []
    for path in sorted((directory / "rows").glob(f"*{suffix}")):
        offset = path.read_bytes().find(needle)
        if offset >= 0:
            found.append((path, offset))
    return found


def library():
    rocksdb = ctypes.CDLL("librocksdb.so")
    for function in (
        "rocksdb_options_create", "rocksdb_open_column_families", "rocksdb_readoptions_create",
        "rocksdb_writeoptions_create", "rocksdb_create_iterator_cf", "rocksdb_iter_key",
        "rocksdb_iter_value",
    ):
        getattr(rocksdb, function).restype = ctypes.c_void_p
    rocksdb.rocksdb_iter_valid.restype = ctypes.c_ubyte
    return rocksdb


def change_rows(directory, change):
    """Gives each register row of a node, key and value, to `change`; a result that is not None
    takes its place, with all checksums of RocksDB right. Returns how many were replaced."""
    rocksdb, error = library(), ctypes.c_char_p()
    pointer = ctypes.c_void_p
    count = len(FAMILIES)
    options = pointer(rocksdb.rocksdb_options_create())
    handles = (pointer * count)()
    database = pointer(
        rocksdb.rocksdb_open_column_families(
            options,
            str(directory / "rows").encode(),
            count,
            (ctypes.c_char_p * count)(*[name.encode() for name in FAMILIES]),
            (pointer * count)(*[options] * count),
            handles,
            ctypes.byref(error),
        )
    )
    assert not error.value, error.value
    rows = pointer(handles[FAMILIES.index("rows")])
    iterator = pointer(
        rocksdb.rocksdb_create_iterator_cf(
            database, pointer(rocksdb.rocksdb_readoptions_create()), rows
        )
    )
    replaced = []
    rocksdb.rocksdb_iter_seek_to_first(iterator)
    while rocksdb.rocksdb_iter_valid(iterator):
        length = ctypes.c_size_t()
        key = ctypes.string_at(rocksdb.rocksdb_iter_key(iterator, ctypes.byref(length)), length.value)
        value = ctypes.string_at(
            rocksdb.rocksdb_iter_value(iterator, ctypes.byref(length)), length.value
        )
        result = change(key, value)
        if result is not None:
            replaced.append((key, result))
        rocksdb.rocksdb_iter_next(iterator)
    rocksdb.rocksdb_iter_destroy(iterator)
    writing = pointer(rocksdb.rocksdb_writeoptions_create())
    for key, value in replaced:
        rocksdb.rocksdb_put_cf(
            database, writing, rows,
            key, ctypes.c_size_t(len(key)), value, ctypes.c_size_t(len(value)),
            ctypes.byref(error),
        )
        assert not error.value, error.value
    for handle in handles:
        rocksdb.rocksdb_column_family_handle_destroy(pointer(handle))
    rocksdb.rocksdb_close(database)
    return len(replaced)
