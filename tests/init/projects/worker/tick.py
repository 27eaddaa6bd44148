import os
import time

if __name__ == "__main__":
    while True:
        print("tick", flush=True)
        time.sleep(float(os.environ["EVERY"]))
