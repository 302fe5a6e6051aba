// The floor of the email benchmark: mails of one size over SMTP with libcurl's multi interface, on connections that are kept.
// usage: bench_email_curl port mails connections bytes; prints mails a second and microseconds of CPU a mail.
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

struct transfer {
  CURL* handle;
  size_t sent;
};

static char* mail;
static size_t mail_size;

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double cpu_seconds(void) {
  struct rusage r;
  getrusage(RUSAGE_SELF, &r);
  return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) + (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1e-6;
}

static size_t give(char* to, size_t size, size_t count, void* user) {
  struct transfer* t = user;
  size_t n = mail_size - t->sent;
  if (n > size * count) n = size * count;
  memcpy(to, mail + t->sent, n);
  t->sent += n;
  return n;
}

static void compose(size_t bytes) {
  mail = malloc(bytes + 512);
  mail_size = (size_t)sprintf(mail,
                              "From: <a@example.com>\r\nTo: <b@example.com>\r\nSubject: test\r\nMIME-Version: 1.0\r\n"
                              "Content-Type: text/plain\r\n\r\n");
  while (mail_size < bytes) {
    memset(mail + mail_size, 'x', 76);
    memcpy(mail + mail_size + 76, "\r\n", 2);
    mail_size += 78;
  }
}

int main(int argc, char** argv) {
  if (argc < 5) return 2;
  const long total = atol(argv[2]);
  const int connections = atoi(argv[3]);
  compose((size_t)atol(argv[4]));
  char url[64];
  snprintf(url, sizeof url, "smtp://127.0.0.1:%s/bench.example", argv[1]);
  curl_global_init(CURL_GLOBAL_DEFAULT);
  struct curl_slist* to = curl_slist_append(NULL, "<b@example.com>");
  CURLM* multi = curl_multi_init();
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)connections);
  struct transfer* transfers = calloc((size_t)connections, sizeof *transfers);
  long begun = 0, done = 0;
  const double start = seconds(), cpu = cpu_seconds();
  for (int i = 0; i < connections && begun < total; ++i, ++begun) {
    CURL* h = transfers[i].handle = curl_easy_init();
    curl_easy_setopt(h, CURLOPT_URL, url);
    curl_easy_setopt(h, CURLOPT_MAIL_FROM, "<a@example.com>");
    curl_easy_setopt(h, CURLOPT_MAIL_RCPT, to);
    curl_easy_setopt(h, CURLOPT_READFUNCTION, give);
    curl_easy_setopt(h, CURLOPT_READDATA, &transfers[i]);
    curl_easy_setopt(h, CURLOPT_PRIVATE, &transfers[i]);
    curl_easy_setopt(h, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(h, CURLOPT_UPLOAD_BUFFERSIZE, 65536L);
    curl_multi_add_handle(multi, h);
  }
  while (done < total) {
    int running, queued;
    CURLMsg* message;
    curl_multi_perform(multi, &running);
    while ((message = curl_multi_info_read(multi, &queued))) {
      struct transfer* t;
      CURL* h = message->easy_handle;
      if (message->data.result != CURLE_OK) {
        fprintf(stderr, "%s\n", curl_easy_strerror(message->data.result));
        return 1;
      }
      curl_easy_getinfo(h, CURLINFO_PRIVATE, (char**)&t);
      curl_multi_remove_handle(multi, h);
      ++done;
      if (begun >= total) continue;
      ++begun;
      t->sent = 0;
      curl_multi_add_handle(multi, h);
    }
    if (done < total) curl_multi_poll(multi, NULL, 0, 1000, NULL);
  }
  printf("%.1f %.2f\n", (double)total / (seconds() - start), (cpu_seconds() - cpu) * 1e6 / (double)total);
  return 0;
}
