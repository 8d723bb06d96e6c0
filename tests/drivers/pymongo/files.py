"""GridFS, up and down."""

import hashlib
import os

import gridfs
from gridfs.errors import NoFile

from harness import check, equal


@check
def buckets(db, _):
    bucket = gridfs.GridFSBucket(db, chunk_size_bytes=100000)
    data = os.urandom(1234567)
    made = bucket.upload_from_stream("a", data, metadata={"k": 1})
    equal(hashlib.sha256(bucket.open_download_stream(made).read()).digest(),
          hashlib.sha256(data).digest())
    equal(db.fs.chunks.count_documents({"files_id": made}), 13)
    with bucket.open_upload_stream("a") as stream:
        for at in range(0, 300000, 7777):
            stream.write(data[at:at + 7777])
    equal(len(list(bucket.find({"filename": "a"}))), 2)
    newest = bucket.open_download_stream_by_name("a").read()
    equal(newest, data[:len(newest)])
    stream = bucket.open_download_stream(made)
    stream.seek(999999)
    equal(stream.read(1000), data[999999:1000999])
    bucket.rename(made, "b")
    bucket.delete(made)
    try:
        bucket.open_download_stream(made).read()
        raise AssertionError("deleted, and still there")
    except NoFile:
        pass
    equal(sorted(db.fs.files.index_information()), ["_id_", "filename_1_uploadDate_1"])
    equal(db.fs.chunks.index_information()["files_id_1_n_1"]["unique"], True)


@check
def the_old_face(db, _):
    fs = gridfs.GridFS(db)
    made = fs.put(b"hello", filename="h")
    equal(fs.get(made).read(), b"hello")
    equal(fs.exists(filename="h"), True)
    equal(fs.list(), ["h"])
    equal(fs.get_last_version("h").read(), b"hello")
    fs.delete(made)
    equal(fs.exists(made), False)
