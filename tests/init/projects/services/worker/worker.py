import time

import redis

QUEUE = redis.Redis(host="cache")

if __name__ == "__main__":
    while True:
        job = QUEUE.blpop("jobs", timeout=5)
        print(job, flush=True)
        time.sleep(0.1)
