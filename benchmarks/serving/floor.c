/* The least that a server can do: it reads requests and answers each with the same bytes, looking at neither.

   floor PORT RESPONSE-FILE NANOSECONDS: HTTP/1.1 on loopback, one thread, epoll, connections that are kept. All
   requests of a connection have to be of one length, which it takes from the first. For each it sleeps as long as a
   model would compute: only so does it find as many requests at once, and as much of each, as a busy server. Linux. */

#define _GNU_SOURCE /* accept4 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 64, CONNECTIONS = 1024, READ_BYTES = 1 << 20, HEAD_BYTES = 1 << 16 };

static char buffer[READ_BYTES];
/* By the descriptor: bytes of its request that have come, and that a request has; 0 before the first. */
static size_t received[CONNECTIONS], wanted[CONNECTIONS];

static void must(int holds, const char *what) {
    if (!holds) {
        perror(what);
        exit(1);
    }
}

/* The length of the request that begins in the buffer, with its whole head. */
static size_t length_of(size_t bytes) {
    static const char field[] = "content-length:";
    char head[HEAD_BYTES];
    size_t kept = bytes < sizeof head ? bytes : sizeof head - 1;
    memcpy(head, buffer, kept);
    head[kept] = '\0';
    char *end = strstr(head, "\r\n\r\n");
    must(end != NULL, "the first bytes of a connection have no whole head");
    for (char *line = head; line < end; line = strstr(line, "\r\n") + 2)
        if (!strncasecmp(line, field, sizeof field - 1))
            return (size_t)(end + 4 - head) + strtoul(line + sizeof field - 1, NULL, 10);
    return (size_t)(end + 4 - head);
}

static void send_all(int connection, const char *bytes, size_t count) {
    while (count) { /* blocks only where the client does not read, and ours does */
        ssize_t sent = send(connection, bytes, count, MSG_NOSIGNAL);
        if (sent <= 0) return;
        bytes += sent;
        count -= (size_t)sent;
    }
}

int main(int count, char **arguments) {
    if (count != 4) {
        fprintf(stderr, "usage: floor PORT RESPONSE-FILE NANOSECONDS\n");
        return 2;
    }
    long model = atol(arguments[3]);
    FILE *file = fopen(arguments[2], "rb");
    must(file != NULL, arguments[2]);
    static char response[READ_BYTES];
    size_t response_bytes = fread(response, 1, sizeof response, file);
    fclose(file);

    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((in_port_t)atoi(arguments[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    must(!bind(listener, (struct sockaddr *)&address, sizeof address), "bind");
    must(!listen(listener, CONNECTIONS), "listen");
    int queue = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event events[EVENTS], added = {.events = EPOLLIN, .data.fd = listener};
    must(!epoll_ctl(queue, EPOLL_CTL_ADD, listener, &added), "epoll_ctl");

    for (;;) {
        long answers = 0;
        int ready = epoll_wait(queue, events, EVENTS, -1);
        for (int index = 0; index < ready; index++) {
            int connection = events[index].data.fd;
            if (connection == listener) {
                connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
                if (connection < 0) continue;
                must(connection < CONNECTIONS, "too many connections");
                setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
                received[connection] = wanted[connection] = 0;
                added.data.fd = connection;
                must(!epoll_ctl(queue, EPOLL_CTL_ADD, connection, &added), "epoll_ctl");
                continue;
            }
            ssize_t bytes = recv(connection, buffer, sizeof buffer, 0);
            if (bytes <= 0) {
                close(connection);
                continue;
            }
            if (!wanted[connection]) wanted[connection] = length_of((size_t)bytes);
            received[connection] += (size_t)bytes;
            while (received[connection] >= wanted[connection]) {
                received[connection] -= wanted[connection];
                send_all(connection, response, response_bytes);
                answers++;
            }
        }
        if (!answers) continue;
        struct timespec computing = {.tv_sec = answers * model / 1000000000, .tv_nsec = answers * model % 1000000000};
        nanosleep(&computing, NULL);
    }
}
