from concurrent import futures

import grpc

if __name__ == "__main__":
    server = grpc.server(futures.ThreadPoolExecutor(4))
    server.add_insecure_port("[::]:50051")
    server.start()
    server.wait_for_termination()
