-- For wrk: a POST with a body of 16 KiB.
wrk.method = "POST"
wrk.body = string.rep("abcdefgh", 2048)
wrk.headers["Content-Type"] = "application/octet-stream"
